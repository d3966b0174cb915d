"""Supervisors here against supervisors in OTP: the same scenarios, outcome against outcome."""
