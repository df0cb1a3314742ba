/** Whether stores can be written here: tests of writers skip themselves without the addon, and only where it is switched off. */
export const writable: boolean = process.env.STOWAGE_NATIVE !== "0";
