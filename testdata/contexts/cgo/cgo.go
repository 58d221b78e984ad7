// Package cgo calls Go from threads of C.
package cgo

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
extern void callback(void);
static void *run(void *p) { callback(); return 0; }
static void inThread(void) {
	pthread_t t;
	if (pthread_create(&t, 0, run, 0) == 0)
		pthread_join(t, 0);
}
static void call(void) { callback(); }
*/
import "C"

var f func()

//export callback
func callback() { f() }

// InThread runs g in a callback on a new thread of C; Call, on the running one.
func InThread(g func()) { f = g; C.inThread() }

// Call runs g in a callback on the running thread.
func Call(g func()) { f = g; C.call() }
