"""tinyts-mlir: compiles int8 TensorFlow Lite models to C that needs a fraction of the usual SRAM."""
