"""Who is there, what is known, how far it is, who is first."""
