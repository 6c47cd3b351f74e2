// Writes the generated blocks of docs/cost-model.md. The page is checked in; a test keeps it fresh.
import { writeFileSync } from 'node:fs';
import { COST_MODEL_PAGE, costModelPage } from './cost-model/page.js';

writeFileSync(COST_MODEL_PAGE, await costModelPage());
