"""How TFLite spells ops: `.tflite` files in and out."""
