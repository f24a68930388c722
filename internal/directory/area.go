package directory

import "solewatch/internal/insole"

// Area checks an area that is no zone by the rules of one, and returns it closed and counterclockwise. Its error is Faults, at "ring".
func Area(ring [][2]float64) ([][2]float64, error) {
	var faults Faults
	z := checker{noun: "area", faults: &faults}.zone(insole.Zone{ID: "area", Name: "area", Ring: ring})
	if len(faults) > 0 {
		return nil, faults
	}
	return z.Ring, nil
}
