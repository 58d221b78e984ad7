// Package ktrace reads lock events that a Linux kernel recorded, as one stream
// of [Event]: files trace.dat and perf.data, and the text of ftrace, of
// trace-cmd report and of perf script.
//
// # Terms
//
//   - event: one record of a tracepoint, [Event]. Its [Kind] says what it is;
//     what this package does not know stays readable as [Raw].
//   - lost events: records that the kernel overwrote or dropped before they
//     were read. They are events of their own kind, [Lost]: a consumer has to
//     forget what it knew about the tasks of that CPU. Its CPU is -1 where only
//     the whole recording shows that records are missing, or out of order.
//   - damage: bytes that do not follow their format. They are an [Error], with
//     place and reason, in the stream between the events.
//
// # Formats
//
//   - tracefs files trace and trace_pipe, trace-cmd report with and without
//     -l, perf script;
//   - trace.dat of trace-cmd, versions 6 and 7, with all buffers of the file;
//   - perf.data of perf record, of both byte orders, also with -z, and what it
//     writes to a pipe; a directory of perf record --threads is refused with
//     [ErrUnsupported];
//   - each of them compressed by gzip or zstd.
//
// The format is found from the first bytes.
//
// # Guarantee
//
// Memory does not grow with the input. Events come in the order of the text, or
// by time; those of one CPU in the order in which they were recorded. Where
// damage of a trace.dat costs records of a CPU, a [Lost] stands before its next
// one. A trace.dat of version 7 that was cut is read up to there if it is
// compressed; without compression only its end tells the CPUs apart. Of a
// perf.data at most 64 MiB of records wait for their turn; where one round of
// perf record over the buffers has more, events that come too late are an error.
//
// # Limits
//
// A lock event has no class, subclass or check, and does not tell recursive
// readers from others. Text has times in microseconds, and no field that the
// kernel does not print. The depth of preempt_disable in a perf.data counts the
// tracepoint's own.
//
// # Use
//
//	r, err := ktrace.Open("trace.txt")
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	for ev, err := range r.Events() {
//		if err != nil {
//			log.Print(err) // the stream goes on behind the damage
//			continue
//		}
//		if ev.Kind == ktrace.LockAcquire {
//			fmt.Println(ev.Time, ev.Comm, ev.Name)
//		}
//	}
package ktrace
