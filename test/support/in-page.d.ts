export function chartFaults(): string[];
export function pageWidth(): number;
export function colours(bar: string): { page: string; bar: string };
export function focused(): string;
export function openEverything(): void;
export function accessibilityFaults(): Promise<string[]>;
