"""SynthAVS: a procedural audio-visual segmentation benchmark in AVSBench's folder formats."""
