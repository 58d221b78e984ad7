// The file is empty: it lets pin.go have functions without a body.
