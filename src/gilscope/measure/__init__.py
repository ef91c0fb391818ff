"""Driving the measurement: supervisor, runners, calibration, verification, blocks."""
