// Realworld runs the test suites of real modules under plain go and under
// lockdep, and says where they differ.
//
// Terms. A module is one entry of [modules]: the packages whose tests run, the
// tests left out and why. Its version is the one go.mod pins. The outcome of a
// test, subtest, example or fuzz seed is pass, fail, skip or cut (started,
// never ended: the process died or ran into its timeout). A package has an
// outcome too. A difference is a test whose outcome under lockdep is not its
// outcome under plain go, or which exists under one of them only.
//
// The guarantee: both modes run the same tests of the same sources in the same
// directory, with the module's own go.mod, and lockdep runs with -fail=none, so
// that a finding as such fails no test. Each test that differs is run alone,
// plain and under lockdep: where plain go does not repeat its own outcome the
// test is flaky and no difference.
//
// The limits: a test that fails in both is not looked into, nor is a test that
// fails under lockdep in one round of many and by luck also when run alone in
// plain go. Times are wall times of the whole command with everything built;
// suites that mostly sleep hide the cost of locks, for which the ratio of CPU
// time stands beside them. Downloading needs a module proxy, the tests need
// loopback only.
//
// Use, from this directory:
//
//	go run .                                    # all modules, both modes
//	go run . -modules=bbolt,nats -out=DIR       # two of them; details go to DIR
//	go run . -mode=plain -modules=grpc -out=DIR # a baseline
//	go run . -mode=lockdep -out=DIR             # against the baseline in DIR
//	go run . -rounds=3                          # the fastest of three counts
//	go run . -cold -modules=nats                # and the time from an empty build cache
//	go run . -list                              # the modules, their subsets and skips
//
// The lockdep command is built from this repository unless -lockdep names one.
// The table goes to standard output as markdown, one row a module, and to
// DIR/table.md; DIR/NAME holds of each module the events of both runs
// (plain.json, lockdep.json), their standard error, findings.jsonl, the graph
// directory and differences.txt. The exit status is 1 where tests differ, 2
// where a module could not be run.
package main
