// Package engine stands in for the validator.
package engine
