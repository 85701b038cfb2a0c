"""What became of people: surveys, statistics, and what they were before this system."""
