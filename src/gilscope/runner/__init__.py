"""The child that runs rounds, and what it speaks with its parent. Standard library only, but for what cases import."""
