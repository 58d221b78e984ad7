// Command names makes the table of names of lock classes: a request on standard input, the
// answer on standard output, both JSON. It is built by the toolchain of the copy that it is
// part of, so it reads the source and the compiled packages of that release, whichever Go
// built lockdep.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"lockdep.internal/names/names"
)

func main() {
	var q names.Request
	if err := json.NewDecoder(os.Stdin).Decode(&q); err != nil {
		fmt.Fprintln(os.Stderr, "names: reading the request:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := json.NewEncoder(os.Stdout).Encode(names.Serve(ctx, q)); err != nil {
		fmt.Fprintln(os.Stderr, "names: writing the answer:", err)
		os.Exit(2)
	}
}
