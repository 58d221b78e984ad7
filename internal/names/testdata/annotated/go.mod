module example.com/annotated

go 1.25

require github.com/golockdep/lockdep/annotate v0.0.0

replace github.com/golockdep/lockdep/annotate => ../../../../annotate
