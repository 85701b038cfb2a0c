"""What administrators decide: pause and ceilings alone, proposals by two."""
