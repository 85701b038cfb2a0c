"""The local cloud: MiniStack with the application deployed."""
