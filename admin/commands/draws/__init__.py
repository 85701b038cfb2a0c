"""`gelombang draw`: what is done with published draws, in the administration, at the terminal, by anybody."""
