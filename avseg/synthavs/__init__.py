"""SynthAVS, the generator of drawn scenes with synthesised sound."""
