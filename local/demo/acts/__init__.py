"""The order of events, a file for each part of the story. The people are in `local.demo.players`."""
