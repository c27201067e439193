"""The Learn tab's parts: the table of steps, what each measures and draws, its question and the answer."""
