# Each target is a plain command; nothing here is needed to use lockdep.

GO = go
TOOL = $(GO) tool -modfile=tools/go.mod
FUZZTIME = 30s
SEQUENCES = 200000
SEED = $(shell date +%s)

.PHONY: check test demo race fuzz bench golden realworld gotests goker soak

# Everything that has to hold before a change is taken.
check:
	.ci/run

# All tests of all modules, as the README runs them.
test:
	$(GO) run ./internal/ci

# The main job on the example: fails with the planted finding, status 66.
demo:
	$(GO) run ./cmd/lockdep test -C examples/bank ./...

race:
	$(GO) test -race -timeout=20m ./engine/... ./lockgraph/... ./report/... ./internal/names/...

# Random scenarios against the twin of the kernel's rules and against the model, SEQUENCES of them from SEED on; then
# every fuzz target for FUZZTIME, one after the other.
fuzz:
	LOCKDEP_SEQUENCES=$(SEQUENCES) LOCKDEP_SEED=$(SEED) $(GO) test -run='^(TestTwin|TestModel)$$' -count=1 -v -timeout=0 ./scenario ./engine/kernel
	for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list='^Fuzz' $$p | grep '^Fuzz'); do \
			$(GO) test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=20x $$p || exit 1; \
		done; \
	done

# The table of docs/performance.md.
bench:
	mkdir -p bin
	$(GO) build -o bin/lockdep ./cmd/lockdep
	cd internal/bench && $(GO) run ./compare -lockdep=../../bin/lockdep

# Rewrites the expected output of the tests that have the flag -rewrite; read the diff.
golden:
	$(GO) test $$(grep -rl --include='*_test.go' '"rewrite"' cmd engine internal/names lockgraph report | xargs -n1 dirname | sort -u | sed 's,^,./,') -rewrite
	cd internal/bench && $(GO) test ./compare -rewrite

# The table of docs/realworld.md: hours of other people's tests.
realworld:
	cd internal/realworld && $(GO) run .

# Go's own tests in the instrumented GOROOT.
gotests:
	$(GO) run ./internal/gotests

# Real programs under lockdep for an hour, compared with plain Go; docs/soak.md.
soak:
	$(GO) run ./internal/soak -for=1h

# Kernels of real blocking bugs, ten runs each; docs/goker.md.
goker:
	LOCKDEP_GOKER=10 $(GO) test ./internal/goker -v -count=1 -timeout=60m
