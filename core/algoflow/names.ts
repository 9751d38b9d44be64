// Names of AlgoFlow's attributes that core knows; each may have the prefix in front.

export const ATTRIBUTE_PREFIX = 'algoflow.'
export const WORKFLOW_ID = 'workflow.id'
export const STEP_NAME = 'step.name'
