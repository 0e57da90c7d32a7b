-- What of a run waits for a decision, found without passing what was decided.
CREATE INDEX parked_effects_waiting ON parked_effects (organization_id, run_id, id) WHERE state = 'parked';
