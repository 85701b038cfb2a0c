"""Who administers a stage: their names, which person has which name, and the journal of what they did."""
