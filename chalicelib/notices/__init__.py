"""What is announced; told by all, knows none."""
