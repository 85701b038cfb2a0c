"""Who is signed in: contacts, codes, sessions and their tokens. The first domain of the row after the draw."""
