"""`make demo`: one whole wave, and what becomes of its people."""
