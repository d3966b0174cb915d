"""The command line: thin over the gateway, stdout for data, stderr for messages.

Every module here is imported only by the command that needs it, so that a command starts in well
under 150 ms of processor time.
"""
