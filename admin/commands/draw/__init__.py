"""`gelombang draw`: verify, watch, witness, audit."""
