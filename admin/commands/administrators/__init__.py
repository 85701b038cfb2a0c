"""Commands about who administers a stage, and what they did."""
