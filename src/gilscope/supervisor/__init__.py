"""The process between the program and its runners: it watches them and ends them. Standard library only."""
