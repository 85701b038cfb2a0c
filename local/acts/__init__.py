"""The order of events, a file for each part of the story: who does what, when. The people are in `local.players`."""
