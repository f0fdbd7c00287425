package main

import "github.com/spf13/cobra"

// verbs lists every verb, in the order of a newcomer's way.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		newDemo(a),
		newDiagnose(a),
		newExplain(a),
		newServe(a),
		newWorker(a),
		newPacs(a),
		newTrain(a),
		newEval(a),
		newExport(a),
		newBench(a),
		newModels(a),
		newUser(a),
		newDeid(a),
		newAudit(a),
		newFHIR(a),
		newOntology(a),
		newPhenotype(a),
		newRank(a),
		newAskNext(a),
		newDifferential(a),
		newScenario(a),
		newKnowledge(a),
		newEvidence(a),
		newFederate(a),
		newBackup(a),
		newRestore(a),
		newDoctor(a),
		newVersion(a),
	}
}
