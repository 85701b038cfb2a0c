"""What becomes of a place once it is given or reserved: who has it, until when, and to whom it goes."""
