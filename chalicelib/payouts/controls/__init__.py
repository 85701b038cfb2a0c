"""What administrators decide, by two: pause, ceilings, proposals."""
