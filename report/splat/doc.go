// Package splat reads and prints the reports of the Linux kernel's lock
// validator, as consoles, mails, syslogs and journals carry them.
//
// # Terms
//
//   - splat, report: one report of the kernel, from its banner to the end of
//     its backtrace. [Report] is the model of all kinds.
//   - class: the name of a lock as the kernel prints it, with the "#n" of its
//     version and the "/s" of its subclass.
//   - link: an entry of "the existing dependency chain", [Link].
//   - cycle: what a report is about, as classes of which each was held while
//     the next was taken, [Report.Cycle].
//   - age: the words of which kernels a report is in, [Age].
//
// # Guarantee
//
// Reading is streaming: memory is bounded by the reports that are open at one
// time, not by the log. Printing a report that was read, and reading what was
// printed, gives the same model. What a kernel of today printed unharmed comes
// out byte for byte, but for prefixes.
//
// # Limits
//
// A printed report does not say of which kind (reader, recursive reader,
// writer) a dependency was, nor at which distance; so neither does the model.
// Reports that share a console without caller ids (CONFIG_PRINTK_CALLER)
// cannot be told apart where their lines alternate.
//
// The formats are those of kernel/locking/lockdep.c and
// kernel/rcu/update.c, Linux 2.6.17 to 6.12.
//
// # Use
//
//	reports, err := splat.Parse(file)
//	for _, r := range reports {
//		fmt.Println(r.Summary())
//	}
package splat
