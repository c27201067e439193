"""AVSegFormer and the networks it is built from."""
