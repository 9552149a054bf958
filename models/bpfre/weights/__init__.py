"""Which weights exist, and loading and saving them."""

from bpfre.weights.files import SHIPPED, load_network, read_record, read_shape, save_network, weights_path

__all__ = ["SHIPPED", "load_network", "read_record", "read_shape", "save_network", "weights_path"]
