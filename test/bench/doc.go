// Package bench compares linkaudit with the tools that an administrator has for parts
// of its work, in one run and in one network namespace: `make bench`.
// docs/performance.md has the results and the reasons.
//
// work_test.go says what is measured, size_test.go how much of it and how often.
// stage_test.go creates the devices, run_test.go runs the programs and table_test.go
// prints. Nothing here passes or fails by the clock.
package bench
