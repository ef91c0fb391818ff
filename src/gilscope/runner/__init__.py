"""The child that runs rounds, and its messages with its parent. Standard library only, except for what cases import."""
