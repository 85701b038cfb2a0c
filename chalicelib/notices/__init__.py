"""Public announcements, and notices to one person. Every domain uses this one; it knows none of them."""
