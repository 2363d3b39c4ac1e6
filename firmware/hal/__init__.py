"""The board itself: the only package that imports machine, network or esp32."""
