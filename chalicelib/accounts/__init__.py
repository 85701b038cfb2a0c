"""Who is signed in: contacts, codes, sessions and their tokens. It imports no other domain but the draw."""
