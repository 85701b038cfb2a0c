"""The embedded cloud: MiniStack, the development beacon, the sandbox FSP, the demo."""
