"""What is kept about a person, why and for how long; and what they may ask of it (UU PDP 27/2022)."""
