"""What the demo's people do, a file for each subject. They use the public HTTP API only.

Each step is played by a few people at once. Whatever is not answered as the rules call for is a disagreement, and that
person is left where they stand; the others go on.
"""
