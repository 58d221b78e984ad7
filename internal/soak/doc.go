// Soak runs real programs under lockdep, over and over, and compares each run
// with one in plain Go.
//
// Terms. A program is an entry of [programs]: a small program of one kind below
// testdata/programs, or the tests of somebody else's package, pinned by
// testdata/modules/go.mod. None of them knows of lockdep. A configuration is an
// entry of [configs]: a build (with -race or not, recording or not), GOMAXPROCS,
// GOGC, and words of GOLOCKDEP. A pair is a program in a configuration. Its
// baseline is the same program, seed, GOMAXPROCS and GOGC in plain Go, with
// -race if the configuration has it.
//
// What has to hold of each run, compared with its baselines:
//
//   - the exit status or signal is the same, standard output and, but for the
//     programs that die, standard error are;
//   - of test programs: each test, subtest and example has the same outcome;
//   - it ends within 60 s and 20 times the baseline; a run that does not is
//     killed by SIGQUIT, and its stacks are kept;
//   - peak memory (RSS) is at most -rss-factor times the baseline's and -rss-plus,
//     and 12 KB for each goroutine that waits for one lock at once where plain Go is
//     done with each before it makes the next;
//   - the longest pause of the world is at most -pause-factor times the
//     baseline's and -pause-plus, and a goroutine that wants to run each
//     millisecond comes at most -late-factor times as late as in the baseline
//     and -late-plus (of the programs below testdata/programs, which measure
//     themselves);
//   - as many goroutines are left at the end, but for those that serve pages;
//   - no finding is likely or proved, in the program or over its graph files,
//     and the files can be read.
//
// The order of the pairs is random by -seed, and each pair has run before one
// runs again. What depends on other load, the times, memory and what a test of
// somebody else does, is a difference only where it comes three times in a row
// and plain Go, run three times, does not show it; all else counts at once.
//
// The bounds are what was measured, with room: docs/soak.md has the figures.
// The word stall of GOLOCKDEP does not exist yet and is left out.
//
// Use, from the root of the repository:
//
//	go run ./internal/soak                        # builds, then two minutes
//	go run ./internal/soak -for=1h                # or make soak
//	go run ./internal/soak -only=pools            # one program in all configurations
//	go run ./internal/soak -only=pools/race64     # one pair
//	go run ./internal/soak -list                  # programs and configurations
//
// A difference is printed with the command that repeats the pair and the
// directory with its outputs and graph files, which stay. The exit status is 1
// where there was one, 2 where soak could not do its work.
package main
