"""The calendar, entries, the draw, the award and what is published of it."""
