"""The cloud, described once: both stacks, each function's settings and grants, each stage's parameters.

Packaging and deployment make CloudFormation's and Chalice's files from it; none of them is kept.
"""
