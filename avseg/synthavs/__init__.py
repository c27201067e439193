"""SynthAVS, a generator of drawn scenes with synthesised audio."""
